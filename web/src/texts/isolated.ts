/** Returns a name with its own direction of writing in a text around it, where no element can do that. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`
}
