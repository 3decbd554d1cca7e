/** How deep a step lies inside others, 0 to 4: for indentation. */
export function depthOf<S extends { id: string, parent?: string }> (steps: S[], step: S): number {
  let depth = 0
  for (let parent = step.parent; parent !== undefined && depth < 4; depth++) parent = steps.find(other => other.id === parent)?.parent
  return depth
}
