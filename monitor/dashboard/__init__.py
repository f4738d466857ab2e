"""The pages: server-rendered, readable without JavaScript, with charts from local assets."""
