import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Characters that look alike: Unicode TR39, see unicode/README.md. Path from dist/src. */
const file = new URL('../../../unicode/confusables.json', import.meta.url)
const looks = readLooks()

/** Invisible characters: those ignored where they can't be shown, spaces, and the empty Braille pattern. */
const unseen = /[\p{Default_Ignorable_Code_Point}\p{Z}\s\u2800]/gu

/** Maximum number of characters of a skeleton. Some ligatures stand for a whole sentence. */
const longest = 300

/**
 * Returns one or two skeletons, which describe what a name looks like: names with a common skeleton can be mistaken for each
 * other. Unlike in UTS #39, 4, upper and lower case are the same here, which takes two skeletons: "IAN" is "ian" in capitals,
 * and looks like "lAN", which is Lan. With a single one, i would look like l, and Neil like Nell.
 *
 * Accents are visible, so Zoë is not Zoe. An invisible name has no skeleton.
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

/** Converts to one case. Unlike with `toLowerCase` alone, ß is ss, ſ is s, ς is σ, and the Turkish İ is i. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFD').replaceAll('i\u0307', 'i')
}

function lookOf(text: string): string {
  let result = ''
  for (const char of text.normalize('NFD').replace(unseen, '')) result += looks.get(char) ?? char
  return result.normalize('NFD')
}

/** Replaces a skeleton that is too long for the database's index by a hash. */
function shorten(skeleton: string): string {
  if (skeleton.length <= longest) return skeleton
  return `#${hash('sha256', skeleton, 'base64url')}`
}

function readLooks(): ReadonlyMap<string, string> {
  const { looks }: { looks: Record<string, string> } = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(Object.entries(looks).flatMap(([look, chars]) => [...chars].map((char) => [char, look])))
}
