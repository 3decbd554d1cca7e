import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

/** Who may import whom: the import table of docs/architecture.md as a rule. `allowTypeImports` where only values are barred. */
const never = (files, patterns, extra = {}) => ({
  files,
  rules: {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns: patterns.map(([regex, message, allowTypeImports = false]) => ({ regex, message, allowTypeImports })) }],
    ...extra,
  },
})

const entries = '^(\\.\\.?/)+(src/)?(server|worker|watchdog|migrate|demo|cli/main)\\.js$'
const noEntry = [entries, 'nobody imports an entry file']
const noPackage = ['^[^.]', 'the pure ring imports no package and no Node built-in']
const noLab = ['/lab/', 'only entry files and tests import the lab']
const outer = (...own) => [
  noEntry, noLab,
  ['/(workflows|activities)/', 'src does not reach into workflows or activities'],
  [`/(${['runbook', 'control', 'lease', 'store', 'slack', 'report', 'pages', 'journey', 'smoke', 'load', 'http', 'cli', 'temporal', 'dev'].filter(name => !own.includes(name)).join('|')})/`, 'capabilities do not import each other'],
]

export default [
  { ignores: ['dist/**', 'node_modules/**', '.muster/**', 'coverage/**', 'test/histories/**'] },
  ...neostandard({ ts: true }),
  ...tseslint.configs.recommended.map(config => ({ ...config, files: ['**/*.ts'] })),
  { rules: { '@stylistic/object-property-newline': 'off' } },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@stylistic/max-len': ['error', { code: 180, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreComments: true }],
    },
  },
  // node:test's `test()` returns a promise that its runner awaits.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  never(['src/drill/*.ts'], [noPackage, ['^\\.\\./', 'the pure ring imports only itself']]),
  never(['src/drill/*/*.ts'], [noPackage, ['^\\.\\./\\.\\./', 'the pure ring imports only itself']]),
  never(['workflows/**/*.ts'], [
    ['^(?!@temporalio/workflow$|@temporalio/common$)[^.]', 'a workflow imports @temporalio/workflow and the pure ring only'],
    ['\\.\\./src/(?!drill/)', 'a workflow imports the pure ring only'],
    ['\\.\\./activities/', 'types only: a value would pull I/O into the workflow bundle', true],
  ]),
  never(['activities/**/*.ts'], [
    noEntry, noLab,
    ['/workflows/', 'activities do not know workflows', true],
    ['/src/(http|cli|temporal|runbook|dev)/', 'activities know no door'],
  ]),
  never(['src/runbook/**/*.ts'], outer('runbook')),
  never(['src/control/**/*.ts'], outer('control')),
  never(['src/lease/**/*.ts'], outer('lease', 'control')),
  never(['src/store/**/*.ts'], outer('store')),
  never(['src/report/**/*.ts'], outer('report')),
  never(['src/slack/**/*.ts'], outer('slack')),
  never(['src/journey/**/*.ts'], outer('journey')),
  never(['src/smoke/**/*.ts'], outer('smoke', 'journey')),
  never(['src/load/**/*.ts'], outer('load', 'journey')),
  // A page of a drill that has ended is its report.
  never(['src/pages/**/*.ts'], outer('pages', 'report')),
  { files: ['src/pages/assets/*.js'], languageOptions: { globals: Object.fromEntries(['addEventListener', 'confirm', 'DOMParser', 'EventSource', 'location'].map(name => [name, 'readonly'])) } },
  { files: ['test/fixtures/in-page.js'], languageOptions: { globals: Object.fromEntries(['getComputedStyle', 'matchMedia'].map(name => [name, 'readonly'])) } },
  never(['src/temporal/**/*.ts'], [noEntry, noLab, ['/(activities|runbook|control|store|http|cli|report|dev)/', 'Temporal’s door knows messages and the pure ring']]),
  never(['src/http/**/*.ts'], [noEntry, noLab, ['/(activities|workflows|control|cli|dev)/', 'the API speaks through its doors', true], ['^pg$', 'SQL lives in src/store']]),
  never(['src/cli/**/*.ts'], [
    ['/(workflows|activities|control|temporal|http)/', 'the CLI speaks to the API only', true],
  ]),
  {
    files: ['src/**/*.ts', 'activities/**/*.ts', 'workflows/**/*.ts'],
    ignores: ['src/server.ts', 'src/worker.ts', 'src/watchdog.ts', 'src/migrate.ts', 'src/demo.ts', 'src/config.ts', 'src/cli/main.ts', 'src/lab/**', 'src/dev/**', 'src/tools.ts'],
    rules: { 'no-restricted-syntax': ['error', { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'only entry files and src/config.ts read the environment' }] },
  },
]
