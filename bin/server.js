#!/usr/bin/env node
'use strict';
void import('../dist/server.js').then(({ main }) => main(process.argv.slice(2)));
