/** What a record says of its place, beside the event. */
export interface Place {
  readonly log: string
  readonly index: number
  /** Base64. */
  readonly leaf_hash: string
  readonly checkpoint_size: number
  /** Index of the record before it; null for the first. */
  readonly previous: number | null
}
