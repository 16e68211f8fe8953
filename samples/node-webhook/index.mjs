// Takes a webhook as API Gateway or a function URL delivers it, checks its signature, and answers with what it is about.
import { createHmac, timingSafeEqual } from 'node:crypto';

const secret = process.env.WEBHOOK_SECRET;

const answer = (statusCode, body) => ({ statusCode, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

function isSigned(body, signature = '') {
  const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

export const handler = async (event, context) => {
  if (!isSigned(event.body, event.headers['x-signature'])) {
    console.warn('refused a webhook with the signature %s', event.headers['x-signature']);
    return answer(401, { error: 'the signature does not fit' });
  }
  const { type, items = [] } = JSON.parse(event.body);
  console.log('%s with %d items', type, items.length);
  return answer(200, { type, total: items.reduce((sum, item) => sum + item.amount, 0), request: context.awsRequestId });
};
