#!/usr/bin/env node
// Runs the built CLI where `npm run build` has been, else the TypeScript as it is.
import { run } from '../scripts/run.mjs'

await run('src/cli/main.ts', process.argv.slice(2))
