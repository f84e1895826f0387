// What a stranger writes with the types that openapi-typescript makes of
// docs/openapi: it compiles, or the documents have changed for their readers.
import createClient from "openapi-fetch";
import type { components, paths as Catalog } from "./generated/catalog.js";
import type { paths as Events } from "./generated/events.js";
import type { paths as Inventory } from "./generated/inventory.js";

type Product = components["schemas"]["Product"];
type Problem = components["schemas"]["Problem"];

const baseUrl = "http://localhost:8080";
const catalog = createClient<Catalog>({ baseUrl });
const inventory = createClient<Inventory>({ baseUrl });
const events = createClient<Events>({ baseUrl });

/** One page of a category, cheapest first, with what it costs. */
export async function page(category: string, cursor?: string): Promise<string[]> {
  const { data, error } = await catalog.GET("/v1/products", {
    params: { query: { category, sort: "price", currency: "USD", facets: true, ...(cursor ? { cursor } : {}) } },
  });
  if (error) throw new Error(explain(error));
  return data.items.map((item) => `${item.name}: ${item.price ? item.price.amount / 100 : "no price"}`);
}

/** The faults of a refused write, by JSON pointer. */
export function explain(problem: Problem): string {
  return [problem.detail, ...(problem.errors ?? []).map((e) => `${e.pointer}: ${e.detail}`)].join("\n");
}

/** Renames a product unless somebody else has changed it meanwhile. */
export async function rename(ref: string, name: string): Promise<Product | "changed meanwhile"> {
  const params = { path: { ref } };
  const before = await catalog.GET("/v1/products/{ref}", { params });
  const version = before.response.headers.get("ETag") ?? "";
  const { data, error, response } = await catalog.PATCH("/v1/products/{ref}", {
    params: { ...params, header: { "If-Match": version } },
    body: { name },
    headers: { "Content-Type": "application/merge-patch+json" },
  });
  if (response.status === 412) return "changed meanwhile";
  if (error) throw new Error(explain(error));
  return data;
}

/** A new category below another, with what its page filters by. */
export async function addCategory(name: string, parent: string | null): Promise<string> {
  const { data, error } = await catalog.POST("/v1/categories", {
    params: { header: { "Idempotency-Key": `category ${name}` } },
    body: { name, parent, filters: ["brand", "price"] },
  });
  if (error) throw new Error(explain(error));
  return data.slug ?? name;
}

/** The roots of the tree with how much they hold. */
export async function shelves(): Promise<Record<string, number>> {
  const { data, error } = await catalog.GET("/v1/categories");
  if (error) throw new Error(explain(error));
  return Object.fromEntries(data.items.map((node) => [node.name, node.product_count]));
}

/** Locks the goods of an order; what cannot be had is told by line. */
export async function lock(order_id: string, sku: string, quantity: number): Promise<string> {
  const advice = await inventory.POST("/v1/availability", { body: { lines: [{ sku, quantity }] } });
  if (advice.data && !advice.data.orderable) return `${sku} is ${advice.data.lines[0]?.status}`;
  const { data, error } = await inventory.POST("/v1/reservations", { body: { order_id, lines: [{ sku, quantity }] } });
  return error ? explain(error) : data.state;
}

/** Tells that somebody has looked at a product. */
export async function viewed(sku: string): Promise<number> {
  const { data } = await events.POST("/v1/interactions", { body: { interactions: [{ type: "view", sku, consent: false }] } });
  return data?.accepted ?? 0;
}
