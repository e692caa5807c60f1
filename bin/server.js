#!/usr/bin/env node
'use strict';
const path = require('node:path');
const { loadCompiled } = require('./load-compiled.js');

void loadCompiled(path.join(__dirname, '..', 'dist', 'server.cjs')).main();
