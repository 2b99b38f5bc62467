"""What a replay shows people: facts collected batch by batch, and a page made of them."""
