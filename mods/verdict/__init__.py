"""The verdict: does a selection help the model, judged against random draws and other arms."""
