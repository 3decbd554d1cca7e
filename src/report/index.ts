export { buildReport, renderJson } from './build.js'
export { renderCsv } from './csv.js'
export { renderHtml } from './html.js'
export { renderMarkdown } from './markdown.js'
