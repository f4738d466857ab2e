// Runs one part of @atproto/dev-env's network until it is killed, and says when it is up.
//
//   node network.mjs plc PORT
//   node network.mjs pds PORT FOLDER PLC_URL ROTATION_KEY
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
// The package's index loads the whole app server, which is not needed here.
const part = (name) =>
  require(fileURLToPath(new URL(`node_modules/@atproto/dev-env/dist/${name}.js`, import.meta.url)))

const [kind, port, folder, didPlcUrl, plcRotationKeyK256PrivateKeyHex] = process.argv.slice(2)
if (kind === 'plc') {
  await part('plc').TestPlc.create({ port: Number(port) })
} else {
  mkdirSync(`${folder}/data`, { recursive: true })
  await part('pds').TestPds.create({
    port: Number(port),
    dataDirectory: `${folder}/data`,
    blobstoreDiskLocation: `${folder}/blobs`,
    didPlcUrl,
    plcRotationKeyK256PrivateKeyHex,
    rateLimitsEnabled: false,
  })
}
console.log('up')
