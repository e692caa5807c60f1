import { parseConf, confText } from '../conf/parse-conf.ts';
import { type Host, type ProcessIdentity, isSameProcess } from '../hosts/host.ts';
import { readPidFile } from '../hosts/start-node.ts';
import type { NodeSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import type { Access } from './access.ts';
import { maskLine } from './config-secrets.ts';
import type { ConfDirective, ProcessFacts } from './observation.ts';

/** What the node's host knows of it; a host that cannot be asked gives its reason instead. */
export async function readProcessFacts(access: Access, node: NodeSpec): Promise<ProcessFacts> {
  const recorded = access.recordedOf(node.id);
  try {
    return await askHost(access.hostOf(node), node.port, recorded, access.filesOf(node));
  } catch (error) {
    if (!(error instanceof ReplctlError)) throw error;
    return {
      isOurs: false,
      pid: null,
      isRecorded: recorded !== null,
      pidfile: null,
      portHolder: null,
      conf: null,
      unknownBecause: error.message,
    };
  }
}

async function askHost(
  host: Host,
  port: number,
  recorded: ProcessIdentity | null,
  files: { readonly confFile: string; readonly pidFile: string },
): Promise<ProcessFacts> {
  const [isOurs, pidInFile, confFile] = await Promise.all([
    isThere(host, recorded),
    readPidFile(host, files.pidFile),
    host.readFile(files.confFile),
  ]);
  const namedBy = pidInFile === null ? null : await host.processFacts(pidInFile);
  const portHolder = isOurs ? null : await host.portHolder(port);
  return {
    isOurs,
    pid: isOurs ? (recorded?.pid ?? null) : (portHolder?.pid ?? null),
    isRecorded: recorded !== null,
    pidfile:
      pidInFile === null
        ? null
        : {
            pid: pidInFile,
            isAlive: namedBy !== null,
            isOurs: namedBy !== null && recorded !== null && isSameProcess(namedBy, recorded),
          },
    portHolder,
    conf: confFile === null ? null : readConfLines(files.confFile, confFile),
    unknownBecause: null,
  };
}

async function isThere(host: Host, recorded: ProcessIdentity | null): Promise<boolean> {
  if (recorded === null) return false;
  const current = await host.processFacts(recorded.pid);
  return current !== null && isSameProcess(current, recorded);
}

/** Lines that do not parse are left out: a server that is running has read the file, or will say so at its next start. */
function readConfLines(path: string, content: string): ConfDirective[] {
  const parsed = parseConf({ path, content });
  if (!parsed.ok) return [];
  return parsed.lines.map(({ name, args }) => maskLine({ name, args: args.map(confText) }));
}
