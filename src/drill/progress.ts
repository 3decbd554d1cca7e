/** How far a step is that takes long: a line for people, and the figures in it. Said while it runs, and not part of the timeline. */
export interface Progress { step: string, text: string, figures: unknown }
