import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Which characters look like which: Unicode TR39, see unicode/README.md. From dist/src. */
const file = new URL('../../../unicode/confusables.json', import.meta.url)
const looks = readLooks()

/** What doesn't show: characters that are ignored where they can't be shown, spaces, and the empty Braille pattern. */
const unseen = /[\p{Default_Ignorable_Code_Point}\p{Z}\s\u2800]/gu

/** Characters of a skeleton; some ligatures stand for a whole sentence. */
const longest = 300

/**
 * What a name looks like, in one or two ways: names that have one in common can be taken for each other. Unlike in UTS
 * #39, 4, upper and lower case are the same here, and that takes two: "IAN" is "ian" in capitals, and looks like "lAN",
 * which is Lan. Were they put together, i would look like l, and Neil like Nell.
 *
 * Accents show, so Zoë is not Zoe. None at all for a name that can't be seen.
 */
export function skeletonsOf(name: string): string[] {
  const all = [settle(name.normalize('NFKC')), settle(lookOf(lookOf(name).normalize('NFKC')))]
  return [...new Set(all)].filter((skeleton) => skeleton !== '').map(shorten)
}

/** Folds and replaces until nothing changes: 0 looks like O, which is o. */
function settle(text: string): string {
  let settled = text
  for (let round = 0; round < 4; round++) settled = lookOf(fold(settled))
  return settled
}

/** All of one case. Unlike `toLowerCase` alone, ß is ss, ſ is s, ς is σ, and the Turkish İ is i. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFD').replaceAll('i\u0307', 'i')
}

function lookOf(text: string): string {
  let result = ''
  for (const char of text.normalize('NFD').replace(unseen, '')) result += looks.get(char) ?? char
  return result.normalize('NFD')
}

/** The database's index takes no longer ones. */
function shorten(skeleton: string): string {
  if (skeleton.length <= longest) return skeleton
  return `#${createHash('sha256').update(skeleton).digest('base64url')}`
}

function readLooks(): ReadonlyMap<string, string> {
  const { looks }: { looks: Record<string, string> } = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(Object.entries(looks).flatMap(([look, chars]) => [...chars].map((char) => [char, look])))
}
