import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { filesIn, repository } from './repository.ts'

function parsed(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(repository, path), 'utf8'), ts.ScriptTarget.Latest)
}

function* nodesIn(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  for (const child of children) yield* nodesIn(child)
}

/** Returns the array literal in an expression such as `['PORT'] as const satisfies SettingName[]`. */
function arrayIn(expression: ts.Expression | undefined): ts.ArrayLiteralExpression | undefined {
  if (expression === undefined || ts.isArrayLiteralExpression(expression)) return expression
  const wrapped = ts.isAsExpression(expression) || ts.isSatisfiesExpression(expression)
  return wrapped ? arrayIn(expression.expression) : undefined
}

/** The lists of settings that services share or export, by the name of their constant. */
const lists = new Map(
  [...filesIn('packages/service/src', /\.ts$/), ...filesIn('services', /^config\.ts$/)]
    .flatMap((path) => [...nodesIn(parsed(path))])
    .flatMap((node) => {
      const list = ts.isVariableDeclaration(node) ? arrayIn(node.initializer) : undefined
      return list && ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)
        ? [[node.name.text, list] as const]
        : []
    }),
)

function namesIn(list: ts.ArrayLiteralExpression): string[] {
  return list.elements.flatMap((element) => {
    if (ts.isStringLiteral(element)) return [element.text]
    const name = ts.isSpreadElement(element) && ts.isIdentifier(element.expression) && element.expression.text
    const spread = name ? lists.get(name) : undefined
    if (spread === undefined) throw new Error('a list of settings may hold names and lists of names only')
    return namesIn(spread)
  })
}

/** Returns the names of the settings that the main file of a service passes to `readSettings`. */
export function settingsReadBy(service: string): string[] {
  for (const node of nodesIn(parsed(`services/${service}/src/main.ts`))) {
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) continue
    const list = node.expression.text === 'readSettings' ? arrayIn(node.arguments[1]) : undefined
    if (list !== undefined) return [...new Set(namesIn(list))]
  }
  throw new Error(`the main file of ${service} reads no settings`)
}
