// `write-code-cache.cjs BUNDLE ARG…`: runs a CommonJS bundle's main() with these arguments and leaves what V8
// has compiled by then for bin/load-compiled.js.
'use strict';
const { writeFileSync } = require('node:fs');
const { codeCacheOf, compile, run } = require('../bin/load-compiled.js');

const [file, ...args] = process.argv.slice(2);
const script = compile(file);
const { main } = run(script, file);
process.argv.splice(1, Infinity, file, ...args);
process.on('exit', () => writeFileSync(codeCacheOf(file), script.createCachedData()));
main(args);
