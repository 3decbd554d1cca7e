/** The bundle's entry: every export is a workflow type, and nothing else may be exported here. */
export { drill } from './drill.js'
export { halt } from './halt.js'
export { environmentLock } from './lock.js'
export { undoOwed } from './undo-owed.js'
export { preflight } from './preflight.js'
