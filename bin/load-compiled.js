'use strict';
const { closeSync, fstatSync, openSync, readFileSync, readSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

/**
 * The exports of a CommonJS bundle, run from the code that V8 compiled when it was built: parsing and compiling two
 * megabytes is a third of a start. Compiled code serves the V8 that made it alone, hence its version in the name; for
 * any other there is Node's own cache, from 22.1 on, or the source alone.
 */
exports.loadCompiled = function loadCompiled(file) {
  const cachedData = readCompiled(codeCacheOf(file));
  if (cachedData !== null) return run(compile(file, cachedData), file);
  Module.enableCompileCache?.();
  return require(file);
};

function codeCacheOf(file) {
  return `${file}.${process.versions.v8}.cache`;
}
exports.codeCacheOf = codeCacheOf;

/** As Node compiles a CommonJS file. */
function compile(file, cachedData) {
  return new vm.Script(readWrapped(file), { filename: file, cachedData });
}
exports.compile = compile;

/** `Module.wrap` of a file's text, which would hold half a megabyte twice. */
function readWrapped(file) {
  const [head, tail] = Module.wrapper;
  const fd = openSync(file);
  const { size } = fstatSync(fd);
  const text = Buffer.allocUnsafeSlow(head.length + size + tail.length);
  text.latin1Write(head);
  readSync(fd, text, head.length, size);
  text.latin1Write(tail, head.length + size);
  closeSync(fd);
  return text.latin1Slice();
}

/** As Node runs a CommonJS file; whoever requires it afterwards gets the same exports. */
function run(script, file) {
  const module = new Module(file, null);
  module.filename = file;
  require.cache[file] = module;
  const { exports } = module;
  script
    .runInThisContext()
    .call(exports, exports, Module.createRequire(file), module, file, path.dirname(file));
  module.loaded = true;
  return module.exports;
}
exports.run = run;

function readCompiled(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
