import ts from 'typescript'
import { languages } from '../../src/texts/language.ts'
import { placeOf, walk } from './source.ts'

/** Attributes and properties of components whose values people see or hear. */
const shownAttributes = new Set([
  'alt',
  'aria-description',
  'aria-label',
  'aria-roledescription',
  'aria-valuetext',
  'label',
  'note',
  'placeholder',
  'title',
])

/** Texts that are the same in all languages, names of languages, and what only programs read. */
const allowed = new Set([
  'Rabble',
  ...Object.values(languages).map(({ name }) => name),
  ...['Alt+', 'Control', 'Delete', 'End', 'Enter', 'Escape', 'Home', 'Meta', 'Mod', 'Shift+', 'Tab'],
  ...['Bearer', 'icon directed', 'select, input'],
])

/** Messages of errors that the page handles itself. */
const internal = new Set([
  'another user has signed in',
  'the server does not answer',
  'there was no other session in time',
])

const letter = /\p{L}/u
/** A word with a capital, or two words: code has few of them. */
const forPeople = /^\p{Lu}[\p{Ll}’]+(?:[ ….,:!?’]|$)|^[\p{L}’]+,? [\p{L}’]+[\p{L}’,.:;!?… ]*$/u

/** Returns the places in a file with texts for people that don't come from a catalogue. */
export function untranslatedIn(file: ts.SourceFile): string[] {
  const found: string[] = []
  walk(file, (node) => {
    const text = textOf(node)
    if (text !== undefined && letter.test(text) && !allowed.has(text.trim()) && isForPeople(node, text))
      found.push(`${placeOf(node)}: ${text.trim()}`)
  })
  return found
}

/** Returns the literal text of a node; undefined for nodes that are none. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isJsxText(node)) return node.text
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join('')
}

function isForPeople(node: ts.Node, text: string): boolean {
  if (ts.isJsxText(node)) return true
  const place = placeIn(node)
  if (place === 'shown') return true
  return place === undefined && forPeople.test(text) && !internal.has(text)
}

/** Returns whether a literal is shown by the JSX around it, or hidden in code; undefined if that is not certain. */
function placeIn(node: ts.Node): 'shown' | 'hidden' | undefined {
  for (let child = node, { parent } = node; parent !== undefined; child = parent, { parent } = parent) {
    if (ts.isJsxAttribute(parent)) return shownAttributes.has(parent.name.getText()) ? 'shown' : 'hidden'
    if (ts.isJsxExpression(parent) && !ts.isJsxAttribute(parent.parent)) return 'shown'
    if (ts.isBinaryExpression(parent) && isComparison(parent.operatorToken.kind)) return 'hidden'
    if (ts.isConditionalExpression(parent) && child === parent.condition) return undefined
    if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent))
      return 'hidden'
    if (ts.isCaseClause(parent) && child === parent.expression) return 'hidden'
    if (!isPassedOn(parent)) return undefined
  }
  return undefined
}

function isComparison(kind: ts.SyntaxKind): boolean {
  const { EqualsEqualsEqualsToken, ExclamationEqualsEqualsToken, InKeyword } = ts.SyntaxKind
  return kind === EqualsEqualsEqualsToken || kind === ExclamationEqualsEqualsToken || kind === InKeyword
}

/** Whether the value of a node may be that of the literal in it. */
function isPassedOn(node: ts.Node): boolean {
  return (
    ts.isBinaryExpression(node) ||
    ts.isConditionalExpression(node) ||
    ts.isParenthesizedExpression(node) ||
    ts.isTemplateSpan(node) ||
    ts.isTemplateExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isJsxExpression(node)
  )
}

/** Returns the places in a file at which a text of the catalogue is read once, when the file is loaded. */
export function readTooEarlyIn(file: ts.SourceFile): string[] {
  const found: string[] = []
  walk(file, (node) => {
    if (!ts.isPropertyAccessExpression(node) || !isCatalogue(node.expression)) return
    let { parent }: ts.Node = node
    while (parent !== undefined && !ts.isFunctionLike(parent)) ({ parent } = parent)
    if (parent === undefined) found.push(placeOf(node))
  })
  return found
}

/** Returns the texts of the catalogue that a file reads, such as `common.save`, and whole groups that it passes on. */
export function readIn(file: ts.SourceFile): string[] {
  const found: string[] = []
  walk(file, (node) => {
    if (!ts.isPropertyAccessExpression(node) || !isCatalogue(node.expression)) return
    const path = [node.name.text]
    for (let { parent }: ts.Node = node; ts.isPropertyAccessExpression(parent); { parent } = parent)
      path.push(parent.name.text)
    found.push(path.join('.'))
  })
  return found
}

function isCatalogue(node: ts.Node): boolean {
  return ts.isIdentifier(node) && node.text === 't'
}
