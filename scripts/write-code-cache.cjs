// `write-code-cache.cjs BUNDLE ARG…`: runs a CommonJS bundle's main() with these arguments and leaves, in BUNDLE.cache,
// what V8 has compiled by then, for bin/load-compiled.js.
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const [file, ...args] = process.argv.slice(2);
const script = new vm.Script(Module.wrap(readFileSync(file, 'latin1')), { filename: file });
const bundle = new Module(file, null);
bundle.filename = file;
require.cache[file] = bundle;
script
  .runInThisContext()
  .call(bundle.exports, bundle.exports, Module.createRequire(file), bundle, file, path.dirname(file));
process.argv.splice(1, Infinity, file, ...args);
process.on('exit', () => writeFileSync(`${file}.cache`, script.createCachedData()));
bundle.exports.main();
