import ts from 'typescript'

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  types: [],
  strict: true,
  skipLibCheck: true,
}

/**
 * Returns declarations of the types that a module exports, each written out, with the documentation of its fields. The types of
 * `@rabble/contract` follow from schemas of TypeBox, which the users of the client don't have.
 * @throws Error for a type that is not data, such as a function
 */
export function plainTypes(module: string): string {
  const program = ts.createProgram([module], options)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(module)
  const symbol = source && checker.getSymbolAtLocation(source)
  if (!symbol) throw new Error(`${module} is not a module`)
  const aliases = checker
    .getExportsOfModule(symbol)
    .map((found) => (found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found))
    .filter(({ flags }) => flags & ts.SymbolFlags.TypeAlias)
    .map((alias) => ({ alias, type: checker.getDeclaredTypeOfSymbol(alias) }))
  const documentation = (symbol: ts.Symbol) =>
    comment(ts.displayPartsToString(symbol.getDocumentationComment(checker)))
  const whole = (type: ts.Type): string => write(checker, type, whole, () => '')
  const names = new Map<string, string>()
  for (const { alias, type } of aliases) {
    const text = whole(type)
    // Other types, such as `string | number`, are easier to read than their names.
    if (/[{'"]/.test(text) && !names.has(text)) names.set(text, alias.name)
  }
  return aliases
    .map(({ alias, type }) => {
      const named = (inner: ts.Type): string => {
        const name = names.get(whole(inner))
        return name === undefined || name === alias.name ? write(checker, inner, named, documentation) : name
      }
      return `${documentation(alias)}export type ${alias.name} = ${named(type)}\n`
    })
    .join('\n')
}

/** Writes a type out; `inner` writes the types in it, and `documentation` the comments above its fields. */
function write(
  checker: ts.TypeChecker,
  type: ts.Type,
  inner: (type: ts.Type) => string,
  documentation: (field: ts.Symbol) => string,
): string {
  if (type.flags & ts.TypeFlags.Boolean) return 'boolean'
  if (type.isStringLiteral()) return JSON.stringify(type.value)
  if (type.isUnion()) return union(type.types.map(inner))
  if (type.isIntersection()) return type.types.map(inner).join(' & ')
  if (!(type.flags & ts.TypeFlags.Object)) return checker.typeToString(type)
  if (checker.isArrayType(type) || checker.isTupleType(type)) {
    const elements = checker
      .getTypeArguments(type as ts.TypeReference)
      .map(inner)
      .join(', ')
    return checker.isTupleType(type) ? `[${elements}]` : `Array<${elements}>`
  }
  if (type.getCallSignatures().length > 0 || type.isClass()) {
    throw new Error(`${checker.typeToString(type)} is not data`)
  }
  const indexes = checker
    .getIndexInfosOfType(type)
    .map((index) => `[key: ${inner(index.keyType)}]: ${inner(index.type)}`)
  const fields = checker.getPropertiesOfType(type).sort(byPlace).map(field)
  return fields.length + indexes.length === 0 ? '{}' : `{\n${indent([...fields, ...indexes].join('\n'))}\n}`

  function field(property: ts.Symbol): string {
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0
    const found = checker.getTypeOfSymbol(property)
    const isNullable = found.isUnion() && found.types.some(({ flags }) => flags & ts.TypeFlags.Null)
    const text = isOptional
      ? `${inner(checker.getNonNullableType(found))}${isNullable ? ' | null' : ''}`
      : inner(found)
    const name = /^[a-z_$][\w$]*$/i.test(property.name) ? property.name : JSON.stringify(property.name)
    return `${documentation(property)}${name}${isOptional ? '?' : ''}: ${text}`
  }
}

/** The compiler keeps `boolean` in a union as two types. */
function union(texts: readonly string[]): string {
  const both = texts.includes('true') && texts.includes('false')
  return (both ? ['boolean', ...texts.filter((text) => text !== 'true' && text !== 'false')] : texts).join(
    ' | ',
  )
}

/** Compares fields by their places in the source: TypeBox puts optional ones first. */
function byPlace(one: ts.Symbol, other: ts.Symbol): number {
  const place = ({ declarations }: ts.Symbol) => declarations?.[0]?.getStart() ?? 0
  return place(one) - place(other)
}

function comment(text: string): string {
  if (text === '') return ''
  const lines = text.split('\n')
  return lines.length === 1
    ? `/** ${text} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`).join('\n')}\n */\n`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
