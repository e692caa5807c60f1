'use strict';
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

/**
 * The exports of a CommonJS bundle, run from the code that V8 compiled when it was built: parsing and compiling two
 * megabytes is a third of a start. V8 refuses the compiled code of another version of itself; then Node's own cache
 * serves, which it has from 22.1 on, or the source alone.
 */
exports.loadCompiled = function loadCompiled(file) {
  if (require.cache[file] !== undefined) return require.cache[file].exports;
  const cachedData = readCompiled(file);
  if (cachedData === null) return loadSource(file);
  const script = new vm.Script(Module.wrap(readFileSync(file, 'latin1')), { filename: file, cachedData });
  if (script.cachedDataRejected) return loadSource(file);
  const module = new Module(file, null);
  module.filename = file;
  require.cache[file] = module;
  script
    .runInThisContext()
    .call(module.exports, module.exports, Module.createRequire(file), module, file, path.dirname(file));
  module.loaded = true;
  return module.exports;
};

function loadSource(file) {
  Module.enableCompileCache?.();
  return require(file);
}

function readCompiled(file) {
  try {
    return readFileSync(`${file}.cache`);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
