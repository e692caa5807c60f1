import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Config, type Command, type Interfaces } from '@oclif/core';
import { packageFile } from '../../topology/package-file.ts';

/** By verb; each is evaluated when it is asked for. */
export type Verbs = Readonly<Record<string, Command.Class>>;

/**
 * oclif's configuration with replctl as its one plugin, described by the manifest that ships with it. oclif's own
 * loader reads package.json three times and sorts the verbs by locale, for which V8 has to load all of ICU.
 */
export function loadConfig(verbs: Verbs): Promise<Config> {
  const root = path.dirname(packageFile('oclif.manifest.json'));
  const plugin = describePlugin(root, verbs);
  return Config.load({ root, pjson: plugin.pjson, plugins: new Map([[plugin.name, plugin]]) });
}

function describePlugin(root: string, verbs: Verbs): Interfaces.Plugin {
  const pjson = readJson(path.join(root, 'package.json')) as Interfaces.PJSON;
  const { commands } = readJson(path.join(root, 'oclif.manifest.json')) as Interfaces.Manifest;
  const classOf = (id: string): Promise<Command.Class> => {
    const verb = verbs[id];
    if (verb === undefined) throw new Error(`the manifest knows "${id}", the build does not`);
    return Promise.resolve(Object.assign(verb, { id }));
  };
  return {
    _base: '',
    alias: pjson.name,
    commandIDs: Object.keys(commands),
    commands: Object.entries(commands).map(([id, command]) => ({
      ...command,
      pluginAlias: pjson.name,
      pluginType: 'core',
      load: () => classOf(id),
    })),
    commandsDir: undefined,
    findCommand: classOf,
    hasManifest: true,
    hooks: {},
    isRoot: true,
    load: () => Promise.resolve(),
    moduleType: 'commonjs',
    name: pjson.name,
    options: { root },
    pjson,
    root,
    topics: [],
    type: 'core',
    valid: true,
    version: pjson.version,
  };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
