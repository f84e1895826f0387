// Whether AsyncAPI's own parser has something to say against a document: a
// breach of the schema of AsyncAPI, a reference that leads nowhere.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const worst = 1 // 0 is an error, 1 a warning; hints are a matter of taste
let wrong = 0
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'))
  for (const d of diagnostics.filter(d => d.severity <= worst)) {
    console.log(`${file}: ${d.path.join('/')}: ${d.message} (${d.code})`)
    wrong++
  }
  if (!document) wrong++
}
process.exit(wrong > 0 ? 1 : 0)
