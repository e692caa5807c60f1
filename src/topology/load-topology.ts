import { accessSync, constants, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { topologyError } from './format-problem.ts';
import type { Topology } from './model.ts';
import { parseTopology, type ParsedTopology } from './parse-topology.ts';
import { MAX_TOPOLOGY_BYTES } from './yaml-source.ts';

export interface LoadedTopology extends ParsedTopology {
  /** The file as messages name it: relative to the working directory when it lies below. */
  readonly label: string;
  readonly text: string;
}

/**
 * Reads and validates a topology file.
 *
 * Throws TOPOLOGY_INVALID with every problem in `details.problems`. Secrets are not read: see `checkSecrets`.
 */
export async function loadTopology(file: string): Promise<Topology> {
  const { topology, problems, label, text } = await readTopology(file);
  if (topology === null) throw topologyError(problems, label, text);
  return topology;
}

/** As `loadTopology`, with the problems returned. Throws only when the file cannot be read at all. */
export async function readTopology(file: string): Promise<LoadedTopology> {
  const absolute = path.resolve(file);
  const label = labelOf(absolute);
  const text = await readText(absolute, label);
  return { ...parseTopology(text, { file: absolute, isReadableFolder }), label, text };
}

/** The text of the file; invalid UTF-8 becomes U+FFFD, which the parser refuses as binary. */
async function readText(file: string, label: string): Promise<string> {
  try {
    // The parser refuses what is too long by its bytes; a dump of gigabytes must not be read for that.
    const { size } = await stat(file);
    return size > 2 * MAX_TOPOLOGY_BYTES ? ' '.repeat(MAX_TOPOLOGY_BYTES + 1) : await readFile(file, 'utf8');
  } catch (error) {
    throw new ReplctlError('TOPOLOGY_INVALID', `${label}: cannot be read: ${(error as Error).message}`, {
      hint: 'replctl init writes one to start from',
      details: { file },
      cause: error,
    });
  }
}

function labelOf(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}

function isReadableFolder(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
