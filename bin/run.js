#!/usr/bin/env node
// CommonJS, for Node's loader of ES modules alone costs a tenth of a bare start.
'use strict';
const path = require('node:path');
const { loadCompiled } = require('./load-compiled.js');

loadCompiled(path.join(__dirname, '..', 'dist', 'cli.cjs')).main();
