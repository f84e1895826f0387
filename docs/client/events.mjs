// The official JavaScript SDK of CloudEvents at both ends of this service: what
// a shop's server or browser sends, and what a consumer reads.
//   node events.mjs interactions URL     sends one in every form
//   node events.mjs order URL            places an order and prints the reply
//   node events.mjs read                 prints the events of the requests on stdin
import { readFileSync } from 'node:fs'
import { CloudEvent, HTTP } from 'cloudevents'

const [what, url] = process.argv.slice(2)
await { interactions, order, read }[what]()

async function interactions() {
  const save = id => new CloudEvent({
    id, source: 'https://shop.example', type: 'com.mallhive.interaction.saved.v1', subject: 'ICE-9',
    data: { sku: 'ICE-9', consent: true, session_id: `session of ${id}` },
  })
  await taken(1, HTTP.binary(save('binary')))
  await taken(1, HTTP.structured(save('structured')))
  await taken(2, {
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify([save('batch-1'), save('batch-2')]),
  })
  // As navigator.sendBeacon does with a text: its form is text/plain.
  await taken(1, { body: JSON.stringify({ interactions: [{ id: 'beacon', type: 'save', sku: 'ICE-9' }] }) })
}

async function taken(count, message) {
  const { status, text } = await post('/v1/interactions', message)
  const answer = JSON.parse(text)
  if (status !== 202 || answer.accepted !== count || answer.rejected.length > 0) {
    throw new Error(`${status} ${text}`)
  }
}

async function order() {
  const { status, headers, text } = await post('/', HTTP.binary(new CloudEvent({
    id: 'placed-1', source: '/order-service', type: 'com.mallhive.order.placed.v1', subject: 'o-1',
    data: { order_id: 'o-1', lines: [{ sku: 'ICE-1', quantity: 2 }] },
  })))
  if (status !== 200) throw new Error(`${status} ${text}`)
  print([HTTP.toEvent({ headers, body: text })])
}

function read() {
  print(JSON.parse(readFileSync(0, 'utf8')).map(message => HTTP.toEvent(message)))
}

function print(events) {
  events.forEach(event => event.validate())
  console.log(JSON.stringify(events))
}

async function post(path, { headers, body }) {
  const response = await fetch(url + path, { method: 'POST', headers, body })
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
}
