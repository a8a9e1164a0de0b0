import type { Catalogue } from "@corella/modality";
import { z } from "zod";
import type { Deployment } from "../deployment/deployment.ts";
import type { Deployments } from "../deployment/deployments.ts";
import { perDeployment } from "../deployment/per-deployment.ts";
import { popularItems } from "../deployment/popular-items.ts";
import { createTextIndex, type TextIndex } from "../deployment/text-index.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { maxFound, parseSearch, searchQuerySchema } from "./search-query.ts";

/** What a search of items finds. */
export const itemsAnswerSchema: z.ZodType<ItemsAnswer> = z.strictObject({
  items: z.array(z.strictObject({ item: z.string(), title: z.string().optional() })),
});

/** What a search of items finds. */
export interface ItemsAnswer {
  readonly items: readonly { readonly item: string; readonly title?: string | undefined }[];
}

/** Items of the catalogue by a part of their id or title. */
export function itemsEndpoint(deployments: Deployments): Endpoint {
  const searchOf = perDeployment(itemSearch);
  return {
    method: "GET",
    path: "/v1/items",
    scope: "explain",
    purpose: "items by a part of their id or title: ?query=…&limit=…; without a query those with most events",
    query: searchQuerySchema,
    response: itemsAnswerSchema,
    handle(c) {
      const { query, limit } = parseSearch(c);
      const deployment = deployments.of(undefined);
      const answer: ItemsAnswer = {
        items: searchOf(deployment)(query, limit).map((item) => ({
          item,
          title: titleOf(deployment.catalogue, item),
        })),
      };
      return c.json(answer);
    },
  };
}

/** The title of an item; undefined where it has none. */
export function titleOf(catalogue: Catalogue, item: string): string | undefined {
  const title = catalogue.attributesOf(item)?.["title"];
  return typeof title === "string" ? title : undefined;
}

function itemSearch({ catalogue, histories }: Deployment): (query: string, limit: number) => string[] {
  let index: TextIndex | undefined;
  let popular: string[] | undefined;
  return (query, limit) => {
    if (query.trim() === "") {
      popular ??= popularItems(histories, catalogue, maxFound);
      return popular.slice(0, limit);
    }
    index ??= createTextIndex(catalogue.ids.map((id) => ({ id, name: titleOf(catalogue, id) ?? "" })));
    return index.search(query, limit).map((row) => catalogue.ids[row]!);
  };
}
