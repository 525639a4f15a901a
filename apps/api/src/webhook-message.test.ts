import { expect, test } from "vitest";
import { signatureOf } from "./webhook-message.ts";

test("the signature is that of the Standard Webhooks specification", () => {
  // The example of the reference libraries, github.com/standard-webhooks/standard-webhooks.
  const message = {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  };
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  expect(signatureOf(message, [secret])).toBe(signature);
  const [first, second] = signatureOf(message, [`whsec_${btoa("x".repeat(32))}`, secret]).split(
    " ",
  );
  expect(second).toBe(signature);
  expect(first).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
});
