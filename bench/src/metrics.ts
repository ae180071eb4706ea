/** Scrapes a service. Resolves to a function that returns the sum of a metric over its labels, or 0 without the metric. */
export async function scrape(url: string): Promise<(name: string) => number> {
  const reply = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(60_000) })
  const lines = (await reply.text()).split('\n')
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
