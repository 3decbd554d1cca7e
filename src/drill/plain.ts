/**
 * Text from elsewhere (notes, reasons, titles, error messages) without characters that steer whatever shows it: escapes of terminals,
 * line ends, and the marks that turn the direction of what is written after them.
 */
export function withoutControls (text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ')
}
