/** One thing that is wrong with a file, with its place. A `warning` refuses nothing. */
export interface Problem {
  level: 'error' | 'warning'
  file: string
  /** From 1. */
  line: number
  column: number
  /** JSON pointer into what the file holds. */
  pointer: string
  message: string
  hint?: string
}

/** `runbooks/x.yaml:12:5 message (hint)` */
export function problemLine (problem: Problem): string {
  const { file, line, column, level, message, hint } = problem
  return `${file}:${line}:${column} ${level === 'warning' ? 'warning: ' : ''}${message}${hint ? ` (${hint})` : ''}`
}

export function errorsOf (problems: readonly Problem[]): Problem[] {
  return problems.filter(problem => problem.level === 'error')
}

/** In the order of the files' lines. */
export function inOrder (problems: Problem[]): Problem[] {
  return problems.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column)
}
