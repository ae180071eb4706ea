import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

// Loaded into the Node.js processes that are profiled: the first SIGURG starts a profile of the CPU, and the next one writes it into
// the folder BENCH_PROFILES, by the id of the process. Node.js ignores this signal otherwise.
const folder = process.env.BENCH_PROFILES
let session: Session | undefined

process.on('SIGURG', () => {
  if (session === undefined) {
    session = new Session()
    session.connect()
    session.post('Profiler.enable')
    session.post('Profiler.setSamplingInterval', { interval: 500 })
    session.post('Profiler.start')
    return
  }
  session.post('Profiler.stop', (error, result) => {
    if (error !== null) throw error
    writeFileSync(`${folder}/${process.pid}.cpuprofile`, JSON.stringify(result.profile))
  })
  session.disconnect()
  session = undefined
})
