/** Adding a file to a matter: the one call that carries no JSON. */
import { actKey, answer, api } from "../../api/client";

/** Keeps a file with the matter; its number. */
export async function attach(number: string, file: File): Promise<string> {
  const form = new FormData();
  form.append("file", file);
  const done = await answer(
    api.POST("/api/matters/{number}/attachments", {
      params: { path: { number }, header: { "Idempotency-Key": actKey() } },
      body: form as never,
      bodySerializer: (body: unknown) => body as FormData,
    }),
  );
  return String(done.attachment);
}
