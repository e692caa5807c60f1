import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { packageFile } from '../topology/package-file.ts';

/** File name without `.ejs` → text. `redis.conf` is the one that is rendered; it includes the others. */
export type Templates = ReadonlyMap<string, string>;

/** Reads the built-in templates, with those of `folder` (absolute) in place of the ones they share a name with. */
export async function loadTemplates(folder: string | null): Promise<Templates> {
  const builtIn = await readFolder(packageFile('templates'));
  return new Map(folder === null ? builtIn : [...builtIn, ...(await readFolder(folder))]);
}

async function readFolder(folder: string): Promise<[string, string][]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.ejs'));
    return await Promise.all(
      names.map(async (name): Promise<[string, string]> => [
        name.slice(0, -'.ejs'.length),
        await readFile(path.join(folder, name), 'utf8'),
      ]),
    );
  } catch (error) {
    throw new ReplctlError('TOPOLOGY_INVALID', `templates: ${folder} cannot be read`, { cause: error });
  }
}
