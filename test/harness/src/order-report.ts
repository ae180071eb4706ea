/** Client → ids of the messages that it saw, in the order of arrival. */
export type Streams = Readonly<Record<string, readonly string[]>>

export interface OrderReport {
  ok: boolean
  /** One sentence per finding, for people, or a single sentence if there is no finding. */
  text: string
  /** Stream → ids that it lacks, which were acknowledged or are in another stream. */
  missing: ReadonlyMap<string, readonly string[]>
  /** Stream → ids that it has more than once. */
  repeated: ReadonlyMap<string, readonly string[]>
  /** Streams whose order differs from that of the longest stream, which is the reference. */
  disordered: readonly string[]
}

/**
 * Checks the guarantee of the log: each client sees the same messages in the same order, none missing, none twice. A message
 * that was never acknowledged may be missing, but then from all streams.
 */
export function checkOrder(streams: Streams, acknowledged: Iterable<string> = []): OrderReport {
  const distinct = new Map(Object.entries(streams).map(([name, ids]) => [name, [...new Set(ids)]]))
  const acked = new Set(acknowledged)
  const expected = new Set([...acked, ...[...distinct.values()].flat()])
  const [reference = '', order = []] =
    [...distinct].sort(([, one], [, other]) => other.length - one.length)[0] ?? []
  const findings: string[] = []
  const missing = new Map<string, string[]>()
  const repeated = new Map<string, string[]>()
  const disordered: string[] = []

  for (const [name, ids] of distinct) {
    const seen = new Set(ids)
    const lacking = [...expected].filter((id) => !seen.has(id))
    if (lacking.length > 0) {
      missing.set(name, lacking)
      const counted = lacking.filter((id) => acked.has(id)).length
      findings.push(`${name} lacks ${list(lacking)} (${counted} of them acknowledged)`)
    }
    const twice = repeats(streams[name] ?? [])
    if (twice.length > 0) {
      repeated.set(name, twice)
      findings.push(`${name} has more than once ${list(twice)}`)
    }
    const difference = firstDifference(order, ids)
    if (difference) {
      disordered.push(name)
      findings.push(`${name} and ${reference} differ in order:\n${difference(name, reference)}`)
    }
  }
  if (distinct.size === 0 && acked.size > 0)
    findings.push(`${acked.size} acknowledged, and nobody to see them`)
  const ok = findings.length === 0
  const fine = `${distinct.size} streams of the same ${expected.size} messages in the same order`
  return { ok, text: ok ? fine : findings.join('\n'), missing, repeated, disordered }
}

function repeats(ids: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) twice.add(id)
    seen.add(id)
  }
  return [...twice]
}

/** Compares the order of the ids that both streams have. Missing ids are a finding of their own. */
function firstDifference(
  one: readonly string[],
  other: readonly string[],
): ((otherName: string, oneName: string) => string) | undefined {
  const [inOne, inOther] = [new Set(one), new Set(other)]
  const left = one.filter((id) => inOther.has(id))
  const right = other.filter((id) => inOne.has(id))
  const at = left.findIndex((id, index) => id !== right[index])
  if (at === -1) return undefined
  const context = (ids: string[]) =>
    ids
      .slice(Math.max(0, at - 2), at + 3)
      .map((id) => (id === ids[at] ? `>${id}<` : id))
      .join(' ')
  return (otherName, oneName) =>
    `  at ${at}: ${context(left)} (${oneName})\n  at ${at}: ${context(right)} (${otherName})`
}

function list(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(' ')
  return `${ids.length} (${shown}${ids.length > 5 ? ' …' : ''})`
}
