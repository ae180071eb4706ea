import { availableParallelism } from 'node:os'
import { connectRabbitMqLog } from '@rabble/event-log'
import { connectChat, createRandom, noRateLimits, startCluster, until } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { percentilesOf } from '../latency.ts'
import { scrape } from '../metrics.ts'
import { postgresDefaults } from '../postgres.ts'
import { cpuSeconds, machineSeconds } from '../usage.ts'
import { publishConversations } from './log-of-user.ts'
import { hall, startMembers } from './members.ts'
import { assertSame, pageSize, readAll } from './pages.ts'

const count = /^[1-9]\d{0,4}$/
/** Number of pages of a list that are read in a round, so that short lists are measured as often as long ones. */
const pagesOfRound = 50
/** Time (ms) in which history takes in the conversations. */
const timeout = 300_000

await runBench({
  name: 'conversations',
  help: 'time for the list of a user in thousands of conversations, and for many members of a room who read at once',
  options: {
    rooms: { default: '10000', rule: count, help: 'conversations of the user, 10000 rooms at most' },
    members: { default: '1000', rule: count, help: 'of one room, who read at once' },
    rounds: { default: '10', rule: /^[1-9]\d{0,2}$/, help: 'of both' },
    seed: { default: '1', rule: /^\d{1,9}$/, help: 'of the times of messages' },
  },
  async run(t, values) {
    const rounds = Number(values.rounds)
    const random = createRandom(Number(values.seed))
    const cluster = await startCluster(t, {
      nginx: false,
      ownServers: true,
      postgresSettings: { ...postgresDefaults, fsync: 'on' },
      env: noRateLimits,
    })
    const gateways = cluster.gateways.map(({ url }) => url)
    const [history] = cluster.histories
    const [gateway = ''] = gateways
    if (history === undefined) throw new Error('one history was asked for')
    const used = () => ({
      gateways: cluster.gateways.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
      history: cpuSeconds(history.pid),
      postgres: cpuSeconds(cluster.postgres.pid),
      machine: machineSeconds(),
      seconds: performance.now() / 1_000,
    })
    /** Returns the CPU time of a part of the work (ms), and the cores that were busy meanwhile. */
    const costOf = (before: ReturnType<typeof used>, parts: number) => {
      const after = used()
      const each = (who: 'gateways' | 'history' | 'postgres') =>
        round((1_000 * (after[who] - before[who])) / parts)
      return {
        cpu: { gateways: each('gateways'), history: each('history'), postgres: each('postgres') },
        busyCores: round((after.machine - before.machine) / (after.seconds - before.seconds)),
      }
    }

    async function listOf(name: string, size: number) {
      const client = await connectChat(t, gateway, { name })
      const welcome = client.frames.find((frame) => frame.type === 'welcome')
      const token = welcome?.type === 'welcome' ? (welcome.token ?? '') : ''
      const stored = async () => (await scrape(history?.url ?? ''))('rabble_history_messages_total')
      const before = await stored()
      const log = await connectRabbitMqLog({ url: cluster.amqpUrl })
      t.teardown(() => log.close())
      await until(() => log.status().connected, 60_000, 'the log')
      const { list, messages } = await publishConversations(log, client.user?.id ?? '', {
        count: size,
        random,
      })
      await until(async () => (await stored()) === before + messages, timeout, 'history to have all messages')
      const times: number[] = []
      assertSame((await readAll(history?.url ?? '', token)).list, list)
      const begin = used()
      while (times.length < rounds * pagesOfRound) {
        const read = await readAll(history?.url ?? '', token)
        assertSame(read.list, list)
        times.push(...read.times)
      }
      const cost = costOf(begin, times.length)
      const firsts: number[] = []
      for (let n = 0; n < rounds; n++) {
        const asked = performance.now()
        const { conversations } = await client.request({ type: 'watch', limit: 50 })
        firsts.push(performance.now() - asked)
        const shown = conversations.map(({ room, unread, mentions }) => ({ room, unread, mentions }))
        assertSame(shown, list.slice(0, 50))
      }
      await client.close()
      return { conversations: size, page: percentilesOf(times), watch: percentilesOf(firsts), ...cost }
    }

    const few = await listOf('few', Math.min(pageSize, Number(values.rooms)))
    const many = await listOf('many', Number(values.rooms))
    for (const { conversations, page, watch, cpu, busyCores } of [few, many]) {
      print(
        `${conversations} conversations: page of ${pageSize} p50 ${page.p50} ms, p99 ${page.p99} ms, first 50 by watch p50 ${watch.p50} ms;` +
          ` CPU of history ${cpu.history} ms, of PostgreSQL ${cpu.postgres} ms; ${busyCores} cores busy`,
      )
    }
    // CPU time hardly depends on what else the machine does.
    const [cpuOfMany, cpuOfFew] = [many, few].map(({ cpu }) => cpu.history + cpu.postgres) as [number, number]
    const timesFew = round(cpuOfMany / cpuOfFew)
    print(`a page of the long list costs ${timesFew} times as much CPU time as one of the short list`)

    const members = await startMembers(t, gateways, Number(values.members))
    const speaker = await connectChat(t, gateway, { name: 'speaker' })
    await speaker.join(hall)
    const acknowledged: number[] = []
    const shown: number[] = []
    const begin = used()
    for (let n = 0; n < rounds; n++) {
      const { id } = await speaker.send(hall, `message ${n}`)
      await Promise.all(members.clients.map((client) => client.sees(id)))
      const from = performance.now()
      await Promise.all(
        members.clients.map((client) => client.request({ type: 'read', room: hall, upTo: id })),
      )
      acknowledged.push(performance.now() - from)
      await members.told({ unread: 0, readUpTo: id, count: n + 1 })
      shown.push(performance.now() - from)
    }
    const reading = { ...costOf(begin, rounds * members.clients.length) }
    if (members.lost > 0) throw new Error(`${members.lost} members lost their connection`)
    // Frames have told the same. This is what history has stored.
    for (const client of members.clients) {
      const { conversations } = await client.request({ type: 'watch', limit: 1 })
      if (conversations[0]?.unread !== 0) throw new Error(`${JSON.stringify(conversations[0])} is stored`)
    }
    const [all, told] = [percentilesOf(acknowledged), percentilesOf(shown)]
    print(
      `${values.members} members read at once: all acknowledged after p50 ${all.p50} ms, all told after p50 ${told.p50} ms;` +
        ` CPU for each read: gateways ${reading.cpu.gateways} ms, history ${reading.cpu.history} ms, PostgreSQL ${reading.cpu.postgres} ms;` +
        ` ${reading.busyCores} cores busy`,
    )
    return {
      cpus: availableParallelism(),
      rounds,
      lists: { few, many, timesFew },
      reading: { members: members.clients.length, acknowledged: all, told, lost: members.lost, ...reading },
    }
  },
})

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
