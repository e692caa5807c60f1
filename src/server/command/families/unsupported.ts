import { CATALOGUE } from '../catalogue.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family, Handler } from '../command.ts';

const NO_CLUSTER = new ReplyError('ERR This instance has cluster support disabled');
const NO_MODULES = new ReplyError(
  'ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a local ' +
    'connection, otherwise you need to set this option in the configuration file, and then restart the server.',
);

const MODULE_HELP = [
  'MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'LIST',
  '    Return a list of loaded modules.',
  'LOAD <path> [<arg> ...]',
  '    Load a module library from <path>, passing to it any optional arguments.',
  'LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]',
  '    Load a module library from <path>, while passing it module configurations and optional arguments.',
  'UNLOAD <name>',
  '    Unload a module.',
  'HELP',
  '    Print this help.',
];

/**
 * CLUSTER, READONLY, READWRITE, ASKING and MODULE: what a redis-server answers whose cluster mode is off and that may
 * not load modules.
 */
export const unsupportedCommands: Family = {
  ...Object.fromEntries(namesOf('cluster').map((name) => [name, refuse(NO_CLUSTER)])),
  ...Object.fromEntries(['asking', 'readonly', 'readwrite'].map((name) => [name, refuse(NO_CLUSTER)])),
  ...Object.fromEntries(namesOf('module').map((name) => [name, refuse(NO_MODULES)])),
  'module|help': (ctx) => ctx.reply.lines(MODULE_HELP),
  'module|list': (ctx) => ctx.reply.arrayHeader(0),
};

function namesOf(container: string): string[] {
  return CATALOGUE.split('\n')
    .map((line) => line.slice(0, line.indexOf(' ')))
    .filter((name) => name.startsWith(`${container}|`));
}

function refuse(error: ReplyError): Handler {
  return () => {
    throw error;
  };
}
