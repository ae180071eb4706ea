import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Entry of the SDK: what a program imports under one name. */
export interface Entry {
  /** Such as `@rabble/client/rooms`. */
  name: string
  exports: readonly Export[]
}

/** Function, class or type that an entry exports. */
export interface Export {
  name: string
  kind: 'function' | 'class' | 'interface' | 'type' | 'value'
  /** Declaration as TypeScript, without the members of classes and interfaces. */
  declaration: string
  /** Its doc comment as Markdown, with the errors as a last sentence. Empty if it has none. */
  description: string
  members: readonly Member[]
  /** Name of the schema of a type of the protocol, which the contract declares. */
  schema: string | undefined
}

/** Property or method of a class or an interface, also an inherited one. */
export interface Member {
  name: string
  type: string
  isOptional: boolean
  description: string
}

/** Folder of the SDK, seen from dist/src/sdk. */
const folder = fileURLToPath(new URL('../../../../../packages/client/', import.meta.url))

const options: ts.CompilerOptions = {
  strict: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  types: [],
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
}

/** Returns the entries of the SDK with all that they export, as its sources say. @throws Error if one is missing */
export function readSdk(): Entry[] {
  const { name, exports } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as {
    name: string
    exports: Record<string, { types: string }>
  }
  const entries = Object.entries(exports).map(([path, { types }]) => ({
    name: `${name}${path.slice(1)}`,
    file: `${folder}${types.replace(/^\.\/dist\//, '').replace(/\.d\.ts$/, '.ts')}`,
  }))
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    options,
  )
  const checker = program.getTypeChecker()
  return entries.map(({ name, file }) => {
    const source = program.getSourceFile(file)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${file} is missing or exports nothing`)
    const symbols = checker.getExportsOfModule(module)
    return { name, exports: symbols.map((symbol) => exportOf(symbol, checker)) }
  })
}

function exportOf(symbol: ts.Symbol, checker: ts.TypeChecker): Export {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol
  const name = symbol.name
  // A type of the protocol and its schema have one name. The type is what the SDK exports.
  const declarations = target.declarations ?? []
  const declaration = declarations.find((one) => ts.isTypeAliasDeclaration(one)) ?? declarations[0]
  if (declaration === undefined) throw new Error(`${name} is not declared anywhere`)
  const kind = kindOf(declaration)
  return {
    name,
    kind,
    declaration: textOf(declaration, target, name, checker),
    description: descriptionOf(target, checker),
    members: kind === 'class' || kind === 'interface' ? membersOf(target, checker) : [],
    schema: declaration.getSourceFile().fileName.includes('/contract/') ? target.name : undefined,
  }
}

function kindOf(declaration: ts.Declaration): Export['kind'] {
  if (ts.isFunctionDeclaration(declaration)) return 'function'
  if (ts.isClassDeclaration(declaration)) return 'class'
  if (ts.isInterfaceDeclaration(declaration)) return 'interface'
  return ts.isTypeAliasDeclaration(declaration) ? 'type' : 'value'
}

/** Returns a declaration without the members of a class or an interface, under the name by which it is exported. */
function textOf(
  declaration: ts.Declaration,
  { name }: ts.Symbol,
  exported: string,
  checker: ts.TypeChecker,
): string {
  const codes = literalsOf(declaration, checker)
  if (codes !== undefined) return `type ${exported} =\n${codes.map((code) => `  | '${code}'`).join('\n')}`
  const declared = declaration
    .getSourceFile()
    .text.slice(declaration.getStart(), endOfHead(declaration))
    .replace(/^export /, '')
    .trim()
  return name === exported ? declared : declared.replace(new RegExp(`\\b${name}\\b`), exported)
}

/** Returns the literals of a type that is derived from other declarations, such as the keys of a table. */
function literalsOf(declaration: ts.Declaration, checker: ts.TypeChecker): string[] | undefined {
  if (!ts.isTypeAliasDeclaration(declaration) || ts.isUnionTypeNode(declaration.type)) return undefined
  const type = checker.getTypeAtLocation(declaration)
  const types = type.isUnion() ? type.types : []
  const literals = types.flatMap((one) => (one.isStringLiteral() ? [one.value] : []))
  return literals.length > 0 && literals.length === types.length ? literals.sort() : undefined
}

/** Returns the end of what is before the body of a function, or before the members of a class or an interface. */
function endOfHead(declaration: ts.Declaration): number {
  if (ts.isFunctionDeclaration(declaration)) return declaration.body?.getStart() ?? declaration.getEnd()
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration))
    return declaration.getEnd()
  const { name, typeParameters, heritageClauses } = declaration
  const end = Math.max(name?.getEnd() ?? 0, typeParameters?.end ?? 0, heritageClauses?.end ?? 0)
  return declaration.getSourceFile().text.indexOf('{', end)
}

function membersOf(symbol: ts.Symbol, checker: ts.TypeChecker): Member[] {
  const construct = [...(symbol.members?.values() ?? [])].filter(
    ({ flags }) => flags & ts.SymbolFlags.Constructor,
  )
  const properties = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
  return [...construct, ...properties].flatMap((member) => {
    const declaration = member.declarations?.[0]
    // Members that every object or error has, and private ones.
    if (declaration === undefined || /\/lib\.[\w.]+\.d\.ts$/.test(declaration.getSourceFile().fileName))
      return []
    const named = ts.getNameOfDeclaration(declaration)
    if (named !== undefined && ts.isPrivateIdentifier(named)) return []
    return [
      {
        name: named?.getText() ?? 'constructor',
        type: typeOf(member, declaration, symbol, checker),
        isOptional: (member.flags & ts.SymbolFlags.Optional) !== 0,
        description: descriptionOf(member, checker),
      },
    ]
  })
}

/** Returns the type as it was written or, of an inherited member, as it is for this owner. */
function typeOf(
  member: ts.Symbol,
  declaration: ts.Declaration,
  owner: ts.Symbol,
  checker: ts.TypeChecker,
): string {
  const isOwn = owner.declarations?.includes(declaration.parent as ts.Declaration) === true
  const own = member.declarations?.length === 1 && isOwn ? writtenType(declaration) : undefined
  if (own !== undefined) return own
  return checker.typeToString(checker.getTypeOfSymbol(member), undefined, ts.TypeFormatFlags.NoTruncation)
}

function writtenType(declaration: ts.Declaration): string | undefined {
  const { text } = declaration.getSourceFile()
  const oneLine = (start: number, end: number) =>
    text.slice(start, end).replaceAll(/\s+/g, ' ').replace(/^\?/, '').trim()
  if (ts.isMethodSignature(declaration)) return oneLine(declaration.name.getEnd(), declaration.getEnd())
  if (ts.isMethodDeclaration(declaration)) {
    return oneLine(declaration.name.getEnd(), declaration.body?.getStart() ?? declaration.getEnd())
  }
  if (ts.isConstructorDeclaration(declaration)) {
    const start = declaration.getStart() + 'constructor'.length
    return oneLine(start, declaration.body?.getStart() ?? declaration.getEnd())
  }
  const typed =
    ts.isPropertySignature(declaration) ||
    ts.isPropertyDeclaration(declaration) ||
    ts.isGetAccessor(declaration)
  if (!typed || declaration.type === undefined) return undefined
  return oneLine(declaration.type.getStart(), declaration.type.getEnd())
}

function descriptionOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
  const errors = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === 'throws')
    .map((tag) => `Throws ${ts.displayPartsToString(tag.text).trim()}.`)
  return [text, ...errors].filter((part) => part !== '').join(' ')
}
