import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Folder of the page's source, seen from dist/test/texts. */
export const folder = fileURLToPath(new URL('../../../src/', import.meta.url))

/** Returns the paths of the files in the page's source whose names match, relative to it. */
export function filesIn(names: RegExp): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => names.test(path)).sort()
}

/** Returns the source files with code, without the catalogues. */
export function sources(): ts.SourceFile[] {
  return filesIn(/\.tsx?$/)
    .filter((path) => !/^texts[/\\][a-z]{2,3}\.ts$/.test(path))
    .map((path) => parse(path, readFileSync(`${folder}${path}`, 'utf8')))
}

export function parse(path: string, code: string): ts.SourceFile {
  return ts.createSourceFile(path, code, ts.ScriptTarget.ESNext, true)
}

/** Calls `visit` with each node of a tree, the outer ones first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** Returns the place of a node, for people. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(node.getStart())
  return `${file.fileName}:${line + 1}`
}
