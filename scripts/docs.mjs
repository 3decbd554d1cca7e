import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rightsPage } from '../src/http/rights-page.js'
import { reportSchemaText } from '../src/report/schema.js'
import { referenceFiles } from '../src/runbook/reference.js'

// `npm run docs`: writes the generated files and parts of docs/. A test fails when they are stale.
const docs = fileURLToPath(new URL('../docs', import.meta.url))
const files = { ...referenceFiles(path => readFileSync(join(docs, path), 'utf8')), 'report.schema.json': reportSchemaText(), 'rights.md': rightsPage() }
for (const [path, text] of Object.entries(files)) writeFileSync(join(docs, path), text)
console.log(`wrote ${Object.keys(files).map(path => `docs/${path}`).join(', ')}`)
