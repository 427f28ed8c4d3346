"""What the pages share. Beside `app.py` and `pages/`, the only place that imports streamlit."""
