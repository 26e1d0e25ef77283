def line(r):
    return str(r)
def write(*a): pass
