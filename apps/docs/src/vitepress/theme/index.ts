import theme from "vitepress/theme-without-fonts";
import "./corella.css";

export default theme;
