import { serve } from "@hono/node-server";
import { Hono } from "hono";
const app=new Hono(); app.post("/v1/score",async c=>{await c.req.json(); return c.json({probability:.5,route:"crm"})});
serve({fetch:app.fetch,port:18091,hostname:"127.0.0.1"});
