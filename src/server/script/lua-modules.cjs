// The modules of the Lua interpreter, loaded one by one as asked for. The build makes a file of its own of this, which a
// server that runs no script never reads.
'use strict';

const MODULES = {
  defs: () => require('fengari/src/defs.js'),
  lapi: () => require('fengari/src/lapi.js'),
  lauxlib: () => require('fengari/src/lauxlib.js'),
  lobject: () => require('fengari/src/lobject.js'),
  lstring: () => require('fengari/src/lstring.js'),
  ltable: () => require('fengari/src/ltable.js'),
  ltm: () => require('fengari/src/ltm.js'),
  lua: () => require('fengari/src/lua.js'),
  luaconf: () => require('fengari/src/luaconf.js'),
  lualib: () => require('fengari/src/lualib.js'),
};

module.exports = (name) => MODULES[name]();
