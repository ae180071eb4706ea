/** Returns the pairs of a list such as `chat-admins=moderator,staff=moderator`. */
export function parseRoles(list: string): Map<string, string> {
  return new Map(
    list.split(',').map((pair) => {
      const end = pair.lastIndexOf('=')
      return [pair.slice(0, Math.max(0, end)).trim(), pair.slice(end + 1).trim()]
    }),
  )
}

/** Roles of programs, whose tokens must not be in a browser. */
const programRoles: ReadonlySet<string> = new Set(['service', 'direct-reader'])

/** Returns the rule that such a list breaks, or undefined. */
export function brokenByRoles(list: string): string | undefined {
  for (const [value, role] of parseRoles(list)) {
    if (value === '' || !/^[a-z][a-z-]*$/.test(role))
      return 'must be pairs such as admins=moderator, separated by commas'
    if (programRoles.has(role)) return `must not give the role ${role}, which is for programs`
  }
  return undefined
}
