import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The absolute path of a file or folder that ships with the package: beside `dist/` when installed, beside `src/` in
 * the checkout. That it is missing is a bug.
 */
export function packageFile(name: string): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, name);
    if (existsSync(candidate) && existsSync(path.join(folder, 'package.json'))) return candidate;
  }
  throw new Error(`${name} is missing from the installation around ${import.meta.dirname}`);
}
