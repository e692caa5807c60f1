import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { packageFile } from './package-file.ts';
import { nameFromFolder } from './parse-topology.ts';

/**
 * Writes a commented topology file to start from: the example, named after its folder. Gives the absolute path.
 *
 * Never overwrites: REFUSED (18) when anything is there already.
 */
export async function initTopology(file: string): Promise<string> {
  const target = path.resolve(file);
  try {
    await writeFile(target, await initTemplate(path.dirname(target)), { flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new ReplctlError('REFUSED', `${file} cannot be written: ${message}`, { cause: error });
    throw new ReplctlError('REFUSED', `${file} exists already: nothing was written`, {
      hint: 'replctl validate checks it; replctl init OTHER.yaml writes another one',
      cause: error,
    });
  }
  return target;
}

/** The text `initTopology` writes into `folder` (absolute). */
export async function initTemplate(folder: string): Promise<string> {
  const example = await readFile(packageFile('topology.example.yaml'), 'utf8');
  const schema = path.relative(folder, packageFile('schema/topology.schema.json'));
  return example
    .replace(
      '$schema=./schema/topology.schema.json',
      () => `$schema=${schema.startsWith('.') ? schema : `./${schema}`}`,
    )
    .replace(/^name: .*$/m, () => `name: ${nameFromFolder(folder)}`);
}
