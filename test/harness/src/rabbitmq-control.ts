import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { until } from './until.ts'

/** What a test may want of a running broker beyond ill-treating its process. */
export interface RabbitMqControl {
  /**
   * Raises or clears the memory alarm: connections that publish are blocked (`connection.blocked`), those that only
   * consume are not. A restart clears it, too.
   */
  shortOfMemory(short: boolean): Promise<void>
  /**
   * Resolves once the first stream of a new broker would survive `kill -9`; give up after `timeout` ms (60,000).
   * RabbitMQ keeps in memory, for 0.5 to 1.5 s after it confirmed the declaration, that it has streams at all: one
   * that is killed within that time starts with a stream that stays without a leader for good (404).
   */
  streamsSettled(timeout?: number): Promise<void>
}

/** `home` holds the cookie, `data` what the node keeps. */
export function controlRabbitMq(distributionPort: number, home: string, data: string): RabbitMqControl {
  // rabbitmqctl would do, but takes 1.5 s for each call and starts an epmd that outlives it.
  async function call(apply: string): Promise<void> {
    const cookie = readFileSync(join(home, '.erlang.cookie'), 'utf8')
    const args = ['-address', `127.0.0.1:${distributionPort}`, '-c', cookie, '-a', apply]
    const { stdout } = await promisify(execFile)(erlCall(), args, { env: { HOME: home }, timeout: 60_000 })
    if (stdout.trim() !== 'ok') throw new Error(`the broker answered ${apply} with ${stdout}`)
  }

  const directory = join(data, 'coordination', 'rabbit@localhost', 'names.dets')
  return {
    shortOfMemory: (short) =>
      call(`vm_memory_monitor set_vm_memory_high_watermark [${short ? '0.000001' : '0.4'}]`),
    streamsSettled: (timeout = 60_000) =>
      until(
        () => readFileSync(directory, 'latin1').includes('rabbit_stream_coordinator'),
        timeout,
        'the broker to write down that it has streams',
      ),
  }
}

/** It comes with Erlang, beside the emulator. */
function erlCall(): string {
  const root = dirname(dirname(realpathSync('/usr/bin/erl')))
  const erts = readdirSync(root).find((name) => name.startsWith('erts-'))
  if (!erts) throw new Error(`found no Erlang in ${root}`)
  return join(root, erts, 'bin', 'erl_call')
}
