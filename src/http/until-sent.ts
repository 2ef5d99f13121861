// An answer that is made while it is sent takes what it takes until its last byte has left, or nobody wants it any more.

/** A client that takes nothing for so long is let go: it would hold for ever what others wait for; milliseconds. */
const STALLED = 60_000

/**
 * The same answer.
 * @param done called once: when its body came to an end, failed, or was given up by the client or for it
 */
export function untilSent(response: Response, done: () => void, stalled: number = STALLED): Response {
  if (response.body === null) {
    done()
    return response
  }
  const reader = response.body.getReader()
  let timer: ReturnType<typeof setTimeout>
  let over = false
  function end(): void {
    clearTimeout(timer)
    if (!over) done()
    over = true
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        wait(controller)
      },
      async pull(controller) {
        clearTimeout(timer)
        try {
          const { done: ended, value } = await reader.read()
          if (!ended) {
            controller.enqueue(value)
            wait(controller)
            return
          }
        } catch (error) {
          end()
          throw error
        }
        end()
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason).finally(end),
    },
    // Nothing is made before it is asked for: between two pieces it is the client who is waited for.
    { highWaterMark: 0 },
  )
  function wait(controller: ReadableStreamDefaultController): void {
    timer = setTimeout(() => {
      controller.error(new Error(`the client took nothing for ${stalled} ms`))
      reader
        .cancel()
        .catch(() => {})
        .finally(end)
    }, stalled)
    timer.unref()
  }
  return new Response(body, response)
}
